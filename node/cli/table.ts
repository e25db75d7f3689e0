import { stripVTControlCharacters } from 'node:util'

/** Cells may carry colours: widths are those of the text that is seen. */
export interface Column<Row> {
  title: string
  cell: (row: Row) => string
  align?: 'left' | 'right'
}

const GAP = '  '

/** Lines of a table whose columns are as wide as their widest cell. No trailing blanks, no frame. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  dim: (text: string) => string = (text) => text,
): string {
  const cells = rows.map((row) => columns.map((column) => column.cell(row)))
  const widths = columns.map((column, index) =>
    Math.max(widthOf(column.title), ...cells.map((line) => widthOf(line[index] ?? ''))),
  )
  const renderLine = (line: readonly string[]) =>
    line
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align ?? 'left'))
      .join(GAP)
      .trimEnd()
  const header = dim(renderLine(columns.map((column) => column.title)))
  return [header, ...cells.map(renderLine)].map((line) => `${line}\n`).join('')
}

/** Names and values in two columns. */
export function renderPairs(
  pairs: ReadonlyArray<readonly [name: string, value: string]>,
  dim: (text: string) => string = (text) => text,
): string {
  const width = Math.max(0, ...pairs.map(([name]) => widthOf(name)))
  return pairs.map(([name, value]) => `${dim(name.padEnd(width))}${GAP}${value}\n`).join('')
}

/** Columns that a text takes on a terminal, as far as our own texts need: colours take none. */
function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)))
  return align === 'left' ? text + blanks : blanks + text
}
