/** Where Docker and Podman listen, the one that was named by the user first. */
export function engineSockets(
  environment: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
): string[] {
  const { DOCKER_HOST: named = '', XDG_RUNTIME_DIR: runtime, HOME: home } = environment
  const sockets = named.startsWith('unix://') ? [named.slice('unix://'.length)] : []
  if (platform === 'win32') return [...sockets, '//./pipe/docker_engine', '//./pipe/podman-machine-default']
  sockets.push('/var/run/docker.sock')
  if (runtime !== undefined) sockets.push(`${runtime}/docker.sock`, `${runtime}/podman/podman.sock`)
  if (platform === 'darwin' && home !== undefined) sockets.push(`${home}/.docker/run/docker.sock`)
  return [...sockets, '/run/podman/podman.sock']
}
