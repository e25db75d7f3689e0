import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'

/** The few pieces that all pages are made of. */

export function Card({
  title,
  note,
  children,
}: {
  title: string
  note?: string
  children: ComponentChildren
}) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {note !== undefined && <p class="note">{note}</p>}
      {children}
    </section>
  )
}

/** `tone` says by colour what the text says too: nobody must see colours. */
export function Badge({ text, tone }: { text: string; tone: Tone }) {
  return <span class={`badge ${tone}`}>{text}</span>
}

export type Tone = 'good' | 'busy' | 'bad' | 'quiet'

export function toneOf(state: string): Tone {
  if (['free', 'COMPLETED', 'won', 'open'].includes(state)) return 'good'
  if (['busy', 'RUNNING', 'MATCHING', 'signed'].includes(state)) return 'busy'
  if (['FAILED', 'failed'].includes(state)) return 'bad'
  return 'quiet'
}

export function Figure({ label, value, unit }: { label: string; value: ComponentChildren; unit?: string }) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd>
        {value}
        {unit !== undefined && <small> {unit}</small>}
      </dd>
    </div>
  )
}

export interface Column<T> {
  title: string
  /** Numbers stand on the right. */
  number?: boolean
  cell: (row: T) => ComponentChildren
}

export function Table<T>({
  caption,
  columns,
  rows,
  keyOf,
  empty,
}: {
  caption: string
  columns: readonly Column<T>[]
  rows: readonly T[]
  keyOf: (row: T) => string
  empty: string
}) {
  if (rows.length === 0) return <p class="empty">{empty}</p>
  return (
    <div class="wide">
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, number }) => (
              <th key={title} scope="col" class={number ? 'number' : ''}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, number, cell }) => (
                <td key={title} class={number ? 'number' : ''}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Says what went wrong beside the button, and cannot be pressed twice. */
export function Button({
  children,
  onPress,
  kind = '',
}: {
  children: ComponentChildren
  onPress: () => Promise<void>
  kind?: string
}) {
  const [state, setState] = useState<{ busy: boolean; problem?: string }>({ busy: false })
  const press = async () => {
    setState({ busy: true })
    try {
      await onPress()
      setState({ busy: false })
    } catch (error) {
      setState({ busy: false, problem: (error as Error).message })
    }
  }
  return (
    <span class="press">
      <button type="button" class={kind} disabled={state.busy} onClick={() => void press()}>
        {children}
      </button>
      {state.problem !== undefined && <output class="problem">{state.problem}</output>}
    </span>
  )
}

export function Progress({ label, share }: { label: string; share: number }) {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 100)
  return (
    <label class="progress">
      {label}
      <progress max={100} value={percent} />
      <span>{percent} %</span>
    </label>
  )
}
