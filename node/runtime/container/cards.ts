import { codeOf, NightshiftError } from '../../../protocols/errors.js'
import type { ContainerSpec } from './spec.js'

/** An engine without its maker's toolkit takes a request for cards and fails when it makes or starts the container. */
export function explainCards({ gpus }: Pick<ContainerSpec, 'gpus'>, error: unknown): unknown {
  if (gpus === 0 || codeOf(error) !== 'ENGINE_FAILED') return error
  return new NightshiftError('GPU_UNAVAILABLE', `the engine gives no card: ${(error as Error).message}`, {
    advice:
      'install the NVIDIA Container Toolkit, and for Podman its CDI file; or empty provider.container.gpus',
    cause: error,
  })
}
