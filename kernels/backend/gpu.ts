/** The part of WebGPU that is used here; the DOM's own types are not loaded on the server. Source: W3C WebGPU. */
export interface GpuAdapter {
  readonly isFallbackAdapter?: boolean
  readonly info: GpuAdapterInfo
  readonly features: ReadonlySet<string>
  readonly limits: Record<string, number>
  requestDevice(descriptor: {
    requiredFeatures: string[]
    requiredLimits: Record<string, number>
  }): Promise<GpuDevice>
}

export interface GpuAdapterInfo {
  readonly vendor: string
  readonly architecture: string
  readonly device: string
  readonly description: string
  readonly isFallbackAdapter?: boolean
}

export interface GpuDevice {
  readonly limits: Record<string, number>
  readonly lost: Promise<{ reason: string; message: string }>
  readonly queue: GpuQueue
  addEventListener(type: 'uncapturederror', listen: (event: { error: { message: string } }) => void): void
  pushErrorScope(filter: 'internal' | 'out-of-memory' | 'validation'): void
  popErrorScope(): Promise<{ message: string } | null>
  createBuffer(descriptor: { size: number; usage: number }): GpuBuffer
  createShaderModule(descriptor: { code: string }): GpuShaderModule
  createBindGroupLayout(descriptor: {
    entries: Array<{ binding: number; visibility: number; buffer: { type: string } }>
  }): object
  createPipelineLayout(descriptor: { bindGroupLayouts: object[] }): object
  createBindGroup(descriptor: {
    layout: object
    entries: Array<{ binding: number; resource: { buffer: GpuBuffer } }>
  }): object
  createComputePipelineAsync(descriptor: {
    layout: object
    compute: { module: GpuShaderModule; entryPoint: string }
  }): Promise<object>
  createCommandEncoder(): GpuEncoder
  destroy(): void
}

export interface GpuQueue {
  submit(commands: object[]): void
  writeBuffer(buffer: GpuBuffer, offset: number, data: Uint8Array): void
  onSubmittedWorkDone(): Promise<void>
}

export interface GpuBuffer {
  mapAsync(mode: number, offset: number, size: number): Promise<void>
  getMappedRange(offset: number, size: number): ArrayBuffer
  unmap(): void
  destroy(): void
}

export interface GpuShaderModule {
  getCompilationInfo(): Promise<{
    messages: ReadonlyArray<{ type: string; lineNum: number; linePos: number; message: string }>
  }>
}

export interface GpuEncoder {
  copyBufferToBuffer(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, size: number): void
  beginComputePass(): {
    setPipeline(pipeline: object): void
    setBindGroup(index: number, group: object): void
    dispatchWorkgroups(x: number, y: number, z: number): void
    end(): void
  }
  finish(): object
}

/** Flags of WebGPU, which a process without its globals needs as numbers. */
export const BUFFER_USAGE = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 }
export const MAP_READ = 0x1
export const IN_COMPUTE = 0x4
