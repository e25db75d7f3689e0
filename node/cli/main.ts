#!/usr/bin/env node
import '../polyfill.js'
import { runEntry } from './entry.js'
import { NOUNS } from './nouns.js'
import { runProgram } from './program.js'
import { readVersion } from './version.js'

await runEntry((shell) => runProgram(NOUNS, shell, readVersion()))
