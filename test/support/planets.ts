/**
 * The solar system on 1 January 2000 at noon, from published elements: what config/data/planets-*.f32 hold, worked out
 * anew, and where it moves, in double precision.
 */
export interface Body {
  /** Solar masses. */
  mass: number
  /** Astronomical units from the centre of mass, and units a day. */
  position: [number, number, number]
  velocity: [number, number, number]
}

type Vector = [number, number, number]

/** Gauss's constant squared: the Sun's pull in AU³ per day². */
export const SUN_GM = 0.01720209895 ** 2

/**
 * Semi-major axis (AU), eccentricity, then inclination, mean longitude, longitude of perihelion and of the ascending
 * node (degrees), and how many times the Sun outweighs it. Sources: E. M. Standish, "Approximate Positions of the
 * Planets", table 1 (NASA/JPL); masses of the IAU's system of 2009.
 */
const ELEMENTS: ReadonlyArray<readonly [number, number, number, number, number, number, number]> = [
  [0.38709927, 0.20563593, 7.00497902, 252.2503235, 77.45779628, 48.33076593, 6_023_600],
  [0.72333566, 0.00677672, 3.39467605, 181.9790995, 131.60246718, 76.67984255, 408_523.719],
  [1.00000261, 0.01671123, -0.00001531, 100.46457166, 102.93768193, 0, 328_900.56],
  [1.52371034, 0.0933941, 1.84969142, -4.55343205, -23.94362959, 49.55953891, 3_098_703.59],
  [5.202887, 0.04838624, 1.30439695, 34.39644051, 14.72847983, 100.47390909, 1_047.348644],
  [9.53667594, 0.05386179, 2.48599187, 49.95424423, 92.59887831, 113.66242448, 3_497.9018],
  [19.18916464, 0.04725744, 0.77263783, 313.23810451, 170.9542763, 74.01692503, 22_902.98],
  [30.06992276, 0.00859048, 1.77004347, -55.12002969, 44.96476227, 131.78422574, 19_412.26],
]

/** The Sun first, then Mercury to Neptune. */
export function solarSystem(): Body[] {
  const planets = ELEMENTS.map(([a, e, i, l, perihelion, node, ratio]) => {
    const { position, velocity } = onOrbit(a, e, radians(i), radians(l), radians(perihelion), radians(node))
    return { mass: 1 / ratio, position, velocity }
  })
  const bodies: Body[] = [{ mass: 1, position: [0, 0, 0], velocity: [0, 0, 0] }, ...planets]
  const total = bodies.reduce((sum, { mass }) => sum + mass, 0)
  for (const key of ['position', 'velocity'] as const) {
    for (const axis of [0, 1, 2] as const) {
      const centre = bodies.reduce((sum, body) => sum + body.mass * body[key][axis], 0) / total
      for (const body of bodies) body[key][axis] -= centre
    }
  }
  return bodies
}

function onOrbit(a: number, e: number, i: number, l: number, perihelion: number, node: number) {
  const mean = l - perihelion
  let anomaly = mean
  // Kepler's equation by Newton's method; the orbits are near to circles.
  for (let time = 0; time < 50; time++) {
    anomaly -= (anomaly - e * Math.sin(anomaly) - mean) / (1 - e * Math.cos(anomaly))
  }
  const root = Math.sqrt(1 - e * e)
  const motion = Math.sqrt(SUN_GM / a ** 3) / (1 - e * Math.cos(anomaly))
  const turn = (x: number, y: number): Vector => {
    const w = perihelion - node
    const inPlane = [
      x * Math.cos(w) - y * Math.sin(w),
      (x * Math.sin(w) + y * Math.cos(w)) * Math.cos(i),
      (x * Math.sin(w) + y * Math.cos(w)) * Math.sin(i),
    ] as const
    return [
      inPlane[0] * Math.cos(node) - inPlane[1] * Math.sin(node),
      inPlane[0] * Math.sin(node) + inPlane[1] * Math.cos(node),
      inPlane[2],
    ]
  }
  return {
    position: turn(a * (Math.cos(anomaly) - e), a * root * Math.sin(anomaly)),
    velocity: turn(-a * motion * Math.sin(anomaly), a * motion * root * Math.cos(anomaly)),
  }
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}

/** Four values a body, as the shader's `vec4f` has them: `positions` with the mass last, `velocities` with nothing. */
export function packBodies(bodies: readonly Body[]): { positions: Float32Array; velocities: Float32Array } {
  return {
    positions: Float32Array.from(bodies.flatMap(({ position, mass }) => [...position, mass])),
    velocities: Float32Array.from(bodies.flatMap(({ velocity }) => [...velocity, 0])),
  }
}

/** Leapfrog, as the shader does it: half a drift, a kick, half a drift. */
export function advance(bodies: readonly Body[], days: number, steps: number): Body[] {
  const moved = bodies.map(({ mass, position, velocity }) => ({
    mass,
    position: [...position] as Vector,
    velocity: [...velocity] as Vector,
  }))
  const drift = (by: number) => {
    for (const { position, velocity } of moved)
      for (const at of [0, 1, 2] as const) position[at] += by * velocity[at]
  }
  for (let step = 0; step < steps; step++) {
    drift(days / 2)
    for (const body of moved) {
      for (const other of moved) {
        if (other === body) continue
        const away = [0, 1, 2].map((at) => other.position[at]! - body.position[at]!)
        const pull = (days * SUN_GM * other.mass) / Math.hypot(...away) ** 3
        for (const at of [0, 1, 2] as const) body.velocity[at] += pull * away[at]!
      }
    }
    drift(days / 2)
  }
  return moved
}
