import type { OptionSpec } from './command.js'
import type { NounGroup } from './program.js'

const FILE: OptionSpec = { flags: '-f, --file <path>', description: 'the job manifest', required: true }
const SERVICE: OptionSpec = {
  flags: '--service <name>',
  description: 'one service of the manifest alone; left out: all of them',
}
const ID = { name: 'job', description: 'id of the job, or the beginning of it' }

export const JOB: NounGroup = {
  name: 'job',
  summary: 'post jobs and follow them',
  commands: [
    {
      name: 'validate',
      summary: 'check a manifest without posting it',
      details: `With --explain it also shows which providers fit now, and of the others which requirement each misses.`,
      options: [
        FILE,
        SERVICE,
        { flags: '--explain', description: 'also which providers fit now, and why others do not' },
        { flags: '--wait <duration>', description: 'how long to listen when no node runs', default: '5s' },
      ],
      settings: ['general', 'network', 'chain', 'renter'],
      examples: [
        'nightshift job validate -f config/examples/digits.yaml',
        'nightshift job validate -f config/examples/placed.yaml --explain',
      ],
      load: () => import('./job/validate.js'),
    },
    {
      name: 'post',
      summary: 'post a job and follow it to its end',
      details: `Uses the node that runs on the data directory; without one it is a node itself until the job has ended.
A manifest of several services, or with a matrix, is posted as a workflow: one line for each step of its parts, results in
<folder>/<step>/<part>/ as they come, a table at the end; status, logs, list and stop take its id.
The exit code is 0 only when the job was completed and passed the checks of its manifest.`,
      options: [
        FILE,
        SERVICE,
        {
          flags: '-o, --output <folder>',
          description: 'where the results go (default: <data dir>/jobs/<id>)',
        },
        { flags: '-d, --detach', description: 'print the id and leave; needs a running node' },
      ],
      settings: ['general', 'log', 'network', 'chain', 'renter', 'control'],
      examples: [
        'nightshift job post -f config/examples/digits.yaml',
        'nightshift job post -f train.yaml -o results --json',
        'nightshift job post -f train.yaml --detach',
        'nightshift job post -f config/examples/search.yaml -o results',
      ],
      load: () => import('./job/post.js'),
    },
    {
      name: 'status',
      summary: 'what became of a job: bids, challenges, payments, results',
      arguments: [{ name: '<job>', description: ID.description }],
      settings: ['general'],
      examples: ['nightshift job status 7f3a', 'nightshift job status 7f3a --json | jq .state'],
      load: () => import('./job/status.js'),
    },
    {
      name: 'logs',
      summary: "a job's story and what it printed",
      arguments: [{ name: '<job>', description: ID.description }],
      options: [
        { flags: '-f, --follow', description: 'go on until the job has ended' },
        { flags: '--only-log', description: "only the job's own lines" },
      ],
      settings: ['general'],
      examples: [
        'nightshift job logs 7f3a',
        'nightshift job logs -f 7f3a',
        'nightshift job logs 7f3a --json',
      ],
      load: () => import('./job/logs.js'),
    },
    {
      name: 'forward',
      summary: 'reach a port of a running service from this machine',
      details: `Listens on 127.0.0.1 and carries every connection to the port that the job's manifest exposes: HTTP, websockets and
all else that is TCP. It goes on when the job moves to another provider, and ends with Ctrl-C or with the job.`,
      arguments: [
        { name: '<job>', description: ID.description },
        { name: '<ports>', description: 'port of the job, or local:port; 0:port takes any free local port' },
      ],
      settings: ['general'],
      examples: ['nightshift job forward 7f3a 8080', 'nightshift job forward 7f3a 9000:8080 --json'],
      load: () => import('./job/forward.js'),
    },
    {
      name: 'exec',
      summary: 'run a program beside a running job',
      details: `Only where the job's manifest says \`exec: true\`. Its exit code is the command's. Where this is a terminal the program
gets one too, with -T it does not.`,
      arguments: [
        { name: '<job>', description: ID.description },
        { name: '<command...>', description: 'the program and its arguments, after --' },
      ],
      options: [{ flags: '-T, --no-tty', description: 'no terminal, also where this is one' }],
      settings: ['general'],
      examples: ['nightshift job exec 7f3a -- sh', 'nightshift job exec 7f3a -- wc -l < list.txt'],
      load: () => import('./job/exec.js'),
    },
    {
      name: 'audit',
      summary: 'check that an auction was run as it was announced',
      details: `Holds the published result against the order and the commitments that this node saw, asks other nodes and the
hash table for what is missing, and says what could not be checked. Anybody can: whoever lost names the order's id.
The exit code is 1 when an auction was unfair, or when nothing is known of it.`,
      arguments: [{ name: '<job>', description: `${ID.description}; or the id of an order` }],
      settings: ['general', 'log', 'network', 'chain', 'control'],
      examples: ['nightshift job audit 7f3a', 'nightshift job audit 7f3a --json | jq .[].verdict'],
      load: () => import('./job/audit.js'),
    },
    {
      name: 'stop',
      summary: 'stop a job; what was done is paid, the rest comes back',
      arguments: [{ name: '<job>', description: ID.description }],
      settings: ['general'],
      examples: ['nightshift job stop 7f3a'],
      load: () => import('./job/stop.js'),
    },
    {
      name: 'list',
      summary: 'all jobs of this data directory, the newest first',
      settings: ['general'],
      examples: ['nightshift job list', 'nightshift job list --json'],
      load: () => import('./job/list.js'),
    },
  ],
}
