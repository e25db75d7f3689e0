import type { ShaderSpec } from './spec.js'

/**
 * The declarations of all buffers and uniforms, as the shader sees them. They come after the renter's text, which WGSL
 * allows, so that lines in messages of the compiler are those of the renter's file.
 */
export function declareBindings({ buffers, uniforms }: ShaderSpec): string {
  const bindings = buffers.map(({ name, type, usage }, at) => {
    const access = usage === 'in' ? 'read' : 'read_write'
    return `@group(0) @binding(${at}) var<storage, ${access}> ${name}: array<${type}>;`
  })
  const fields = Object.entries(uniforms).map(([name, { type }]) => `${name}: ${type}`)
  return [
    ...bindings,
    `struct Uniforms { ${['step: u32', 'steps: u32', ...fields].join(', ')} }`,
    `@group(0) @binding(${buffers.length}) var<uniform> uniforms: Uniforms;`,
    '',
  ].join('\n')
}

/** The bytes of `uniforms` at a step: 32-bit values in the order of the declaration. */
export function encodeUniforms({ uniforms, steps }: ShaderSpec, step: number): Uint8Array {
  const fields = Object.values(uniforms)
  const view = new DataView(new ArrayBuffer(4 * (2 + fields.length)))
  view.setUint32(0, step, true)
  view.setUint32(4, steps, true)
  for (const [at, { type, value }] of fields.entries()) {
    const offset = 4 * (2 + at)
    if (type === 'f32') view.setFloat32(offset, value, true)
    else if (type === 'i32') view.setInt32(offset, value, true)
    else view.setUint32(offset, value, true)
  }
  return new Uint8Array(view.buffer)
}
