// SPDX-License-Identifier: GPL-3.0-or-later
//
// kubectl's table layout: columns as wide as their widest cell plus three blanks, the last one as it is.

struct KubectlColumns {
  /// k/k staging `cli-runtime/pkg/printers`: padding of the tab writer.
  private static let gap = 3
  private(set) var rows: [[String]]

  init(header: [String]) { rows = [header] }

  mutating func append(_ row: [String]) {
    precondition(row.count == rows[0].count, "\(row.count) cells under \(rows[0].count) headings")
    rows.append(row)
  }

  /// Each row with an end of line.
  var text: String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var text = ""
    for row in rows {
      for (column, cell) in row.enumerated() {
        text += cell
        if column < row.count - 1 {
          text += String(repeating: " ", count: widths[column] - cell.count + Self.gap)
        }
      }
      text += "\n"
    }
    return text
  }
}
