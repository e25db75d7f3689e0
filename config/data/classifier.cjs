/**
 * An inference endpoint without dependencies: learns ten mean pictures from digits.csv.gz at its start, and tells of any
 * 8×8 picture which digit it is nearest to. POST /classify with {"pixels": [64 numbers from 0 to 16]}; GET /health.
 */
const { createServer } = require('node:http')
const { readFileSync } = require('node:fs')
const { gunzipSync } = require('node:zlib')

const PORT = 8080
const PIXELS = 64
const MAX_BYTES = 65_536

const rows = gunzipSync(readFileSync(`${process.env.NIGHTSHIFT_IN ?? '/job/in'}/digits`))
  .toString()
  .trim()
  .split('\n')
  .map((line) => line.split(',').map(Number))
const means = Array.from({ length: 10 }, (_, digit) => {
  const own = rows.filter((row) => row[PIXELS] === digit)
  return Array.from({ length: PIXELS }, (_, at) => own.reduce((sum, row) => sum + row[at], 0) / own.length)
})

function classify(pixels) {
  const distances = means.map((mean) => mean.reduce((sum, value, at) => sum + (value - pixels[at]) ** 2, 0))
  return { digit: distances.indexOf(Math.min(...distances)), distances }
}

createServer((request, response) => {
  const answer = (status, value) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`)
  }
  if (request.url === '/health') return answer(200, { rows: rows.length })
  if (request.method !== 'POST' || request.url !== '/classify') return answer(404, { error: 'POST /classify' })
  let text = ''
  request.on('data', (piece) => {
    text += piece
    if (text.length > MAX_BYTES) request.destroy()
  })
  request.on('end', () => {
    try {
      const { pixels } = JSON.parse(text)
      if (pixels.length !== PIXELS || !pixels.every(Number.isFinite)) throw new Error('64 numbers')
      answer(200, classify(pixels))
    } catch (error) {
      answer(400, { error: String(error) })
    }
  })
}).listen(PORT, '127.0.0.1', () => console.log(`learned ${rows.length} digits, listening on ${PORT}`))

process.on('SIGTERM', () => process.exit(0))
