/**
 * A process of a local swarm must never outlive the one that started it, however that one ends. It is started with an
 * IPC channel that carries nothing: the kernel closes it when the parent is gone, even by `kill -9`, and then the child
 * stops by itself.
 */
export const LIFELINE_VARIABLE = 'NIGHTSHIFT_LIFELINE'

/** The part of `process` that this file needs. */
export interface ChildSide {
  connected?: boolean
  once(event: 'disconnect', act: () => void): unknown
}

/** Calls `onCut` once when the parent that asked for it is gone. Does nothing in a process that a person started. */
export function followParent(
  environment: Readonly<Record<string, string | undefined>>,
  child: ChildSide,
  onCut: () => void,
): void {
  if (environment[LIFELINE_VARIABLE] === undefined) return
  child.once('disconnect', onCut)
  if (child.connected !== true) onCut()
}
