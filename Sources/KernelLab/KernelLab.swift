// SPDX-License-Identifier: GPL-3.0-or-later
//
// A small cluster of network namespaces on a real Linux kernel, with our rules loaded.

enum KernelLab {}
