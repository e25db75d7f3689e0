import { z } from 'zod'
import { manifestSchema } from './schema.js'

/** The manifest as a JSON schema (draft 2020-12), for completion and checks in editors. */
export function describeManifest(): Record<string, unknown> {
  const schema = z.toJSONSchema(manifestSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const digits = jsonSchema.digits === true || z.globalRegistry.get(zodSchema)?.digits === true
      delete jsonSchema.digits
      if (digits) Object.assign(jsonSchema, { type: ['string', 'number'] })
    },
  })
  return JSON.parse(JSON.stringify(schema))
}
