# SPDX-License-Identifier: GPL-3.0-or-later
#
# Functions that travel as code instead of as a name, so that workers need not have this package.

import cloudpickle

from . import worker

cloudpickle.register_pickle_by_value(worker)


class ByValue:
    """Pickles as instructions to rebuild `function` from its code: whoever unpickles it gets the function itself."""

    def __init__(self, function):
        self._code = cloudpickle.dumps(function)
        self.__name__ = function.__name__

    def __reduce__(self):
        return cloudpickle.loads, (self._code,)

    def __call__(self, *arguments, **named):
        return cloudpickle.loads(self._code)(*arguments, **named)
