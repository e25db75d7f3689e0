/*
 * The way to the ports of a job that has no network. It runs in the job's network namespace, in a container of its own,
 * and carries connections to 127.0.0.1 over its standard streams: one program, no library, no configuration, nothing that
 * listens. The other end is relay.ts, which decides which ports may be reached.
 *
 * A frame: kind (1 byte), 0, slot (2 bytes), length (4 bytes), then so many bytes; little-endian.
 * Each direction of a slot begins with WINDOW bytes of credit; the receiver gives back what it has passed on.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

enum { OPEN = 1, DATA = 2, END = 3, CLOSE = 4, CREDIT = 5, READY = 6, OPENED = 7 };

#define SLOTS 128
#define WINDOW 65536
#define PIECE 16384
#define HEADER 8

#define AF_INET 2
#define SOCK_STREAM 1
#define SOCK_NONBLOCK 04000
#define SOCK_CLOEXEC 02000000
#define SHUT_WR 1
#define SOL_SOCKET 1
#define SO_ERROR 4
#define MSG_NOSIGNAL 0x4000
#define POLLIN 1
#define POLLOUT 4
#define EINTR 4
#define EAGAIN 11
#define EINPROGRESS 115

#if defined(__x86_64__)
enum { SYS_read = 0, SYS_write = 1, SYS_close = 3, SYS_socket = 41, SYS_connect = 42, SYS_sendto = 44, SYS_shutdown = 48,
       SYS_getsockopt = 55, SYS_exit_group = 231, SYS_ppoll = 271 };

static long call(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n and $-16, %rsp\n call relay\n");
#elif defined(__aarch64__)
enum { SYS_read = 63, SYS_write = 64, SYS_close = 57, SYS_socket = 198, SYS_connect = 203, SYS_sendto = 206,
       SYS_shutdown = 210, SYS_getsockopt = 209, SYS_exit_group = 94, SYS_ppoll = 73 };

static long call(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}

__asm__(".globl _start\n_start:\n b relay\n");
#else
#error "x86-64 and arm64 only"
#endif

struct address { u16 family; u16 port; u32 host; u8 zero[8]; };
struct poll { int fd; short events; short happened; };

struct slot {
  int fd;
  /** 0: free. */
  u8 is_used, is_connecting;
  /** The other end has said its last word; it was passed on; the job has said its last word. */
  u8 has_heard_all, has_shut, has_told_all;
  /** Bytes that may still be sent to the other end. */
  u32 credit;
  /** Bytes that were passed on to the job and not yet given back as credit. */
  u32 owed;
  u32 from, held;
  u8 buffer[WINDOW];
};

static struct slot slots[SLOTS];
static struct poll polls[SLOTS + 1];
static u8 input[2 * (HEADER + PIECE)];
static u32 input_held;
static u8 output[HEADER + PIECE];
/** What the engine may write before the first word of ours (Podman writes its own request) is passed over. */
static const u8 greeting[8] = {0, 'N', 'S', 'R', 'E', 'L', 'A', 'Y'};
static u32 greeted;

static __attribute__((noreturn)) void leave(int code) {
  for (;;) call(SYS_exit_group, code, 0, 0, 0, 0, 0);
}

static void copy(u8 *to, const u8 *from, u32 bytes) {
  for (u32 i = 0; i < bytes; i++) to[i] = from[i];
}

static u32 read_u32(const u8 *at) { return at[0] | at[1] << 8 | at[2] << 16 | (u32)at[3] << 24; }

static void write_u32(u8 *at, u32 value) {
  for (int i = 0; i < 4; i++) at[i] = (u8)(value >> (8 * i));
}

/** The payload lies in `output` behind the header already. */
static void tell(u8 kind, u32 slot, u32 bytes) {
  output[0] = kind;
  output[1] = 0;
  output[2] = (u8)slot;
  output[3] = (u8)(slot >> 8);
  write_u32(output + 4, bytes);
  u32 done = 0;
  while (done < HEADER + bytes) {
    long wrote = call(SYS_write, 1, (long)(output + done), HEADER + bytes - done, 0, 0, 0);
    if (wrote == -EINTR) continue;
    if (wrote <= 0) leave(1);
    done += (u32)wrote;
  }
}

static void tell_u32(u8 kind, u32 slot, u32 value) {
  write_u32(output + HEADER, value);
  tell(kind, slot, 4);
}

static void release(u32 at, u32 error) {
  struct slot *slot = &slots[at];
  if (slot->fd >= 0) call(SYS_close, slot->fd, 0, 0, 0, 0, 0);
  slot->is_used = 0;
  tell_u32(CLOSE, at, error);
}

static void open_slot(u32 at, u32 port) {
  struct slot *slot = &slots[at];
  slot->is_used = 1;
  slot->is_connecting = 1;
  slot->has_heard_all = slot->has_shut = slot->has_told_all = 0;
  slot->credit = WINDOW;
  slot->owed = slot->from = slot->held = 0;
  long fd = call(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0, 0, 0);
  slot->fd = (int)fd;
  if (fd < 0) return release(at, (u32)-fd);
  struct address to = {AF_INET, (u16)(port << 8 | port >> 8), 0x0100007f, {0}};
  long error = call(SYS_connect, fd, (long)&to, sizeof to, 0, 0, 0);
  if (error < 0 && error != -EINPROGRESS) release(at, (u32)-error);
}

/** Passes on what the other end has sent. */
static void flush(u32 at) {
  struct slot *slot = &slots[at];
  while (slot->held > 0) {
    u32 piece = slot->held < WINDOW - slot->from ? slot->held : WINDOW - slot->from;
    long sent = call(SYS_sendto, slot->fd, (long)(slot->buffer + slot->from), piece, MSG_NOSIGNAL, 0, 0);
    if (sent == -EINTR) continue;
    if (sent == -EAGAIN) break;
    if (sent < 0) return release(at, (u32)-sent);
    slot->from = (slot->from + (u32)sent) % WINDOW;
    slot->held -= (u32)sent;
    slot->owed += (u32)sent;
  }
  if (slot->owed >= WINDOW / 4 || (slot->owed > 0 && slot->held == 0)) {
    tell_u32(CREDIT, at, slot->owed);
    slot->owed = 0;
  }
  if (slot->held == 0 && slot->has_heard_all && !slot->has_shut) {
    slot->has_shut = 1;
    call(SYS_shutdown, slot->fd, SHUT_WR, 0, 0, 0, 0);
  }
  if (slot->has_shut && slot->has_told_all) release(at, 0);
}

static void connected(u32 at) {
  struct slot *slot = &slots[at];
  int error = 0;
  u32 size = sizeof error;
  call(SYS_getsockopt, slot->fd, SOL_SOCKET, SO_ERROR, (long)&error, (long)&size, 0);
  if (error != 0) return release(at, (u32)error);
  slot->is_connecting = 0;
  tell(OPENED, at, 0);
  flush(at);
}

static void take(u32 at) {
  struct slot *slot = &slots[at];
  u32 most = slot->credit < PIECE ? slot->credit : PIECE;
  long got = call(SYS_read, slot->fd, (long)(output + HEADER), most, 0, 0, 0);
  if (got == -EAGAIN || got == -EINTR) return;
  if (got < 0) return release(at, (u32)-got);
  if (got > 0) {
    slot->credit -= (u32)got;
    return tell(DATA, at, (u32)got);
  }
  slot->has_told_all = 1;
  tell(END, at, 0);
  if (slot->has_shut) release(at, 0);
}

static void store(struct slot *slot, const u8 *bytes, u32 count) {
  if (count > WINDOW - slot->held) leave(2);
  u32 to = (slot->from + slot->held) % WINDOW;
  u32 first = count < WINDOW - to ? count : WINDOW - to;
  copy(slot->buffer + to, bytes, first);
  copy(slot->buffer, bytes + first, count - first);
  slot->held += count;
}

static void obey(u8 kind, u32 at, const u8 *payload, u32 bytes) {
  if (at >= SLOTS) leave(2);
  struct slot *slot = &slots[at];
  if (kind == OPEN) {
    if (slot->is_used || bytes != 2) leave(2);
    return open_slot(at, payload[0] | payload[1] << 8);
  }
  /* What was sent before the other end knew that the slot is free. */
  if (!slot->is_used) return;
  if (kind == DATA) store(slot, payload, bytes);
  else if (kind == END) slot->has_heard_all = 1;
  else if (kind == CREDIT && bytes == 4) slot->credit += read_u32(payload);
  else if (kind == CLOSE) return release(at, 0);
  else leave(2);
  if ((kind == DATA || kind == END) && !slot->is_connecting) flush(at);
}

static void listen_to_stdin(void) {
  long got = call(SYS_read, 0, (long)(input + input_held), sizeof input - input_held, 0, 0, 0);
  if (got == -EINTR || got == -EAGAIN) return;
  if (got <= 0) leave(0);
  input_held += (u32)got;
  u32 at = 0;
  while (greeted < sizeof greeting && at < input_held) {
    u8 byte = input[at++];
    greeted = byte == greeting[greeted] ? greeted + 1 : byte == greeting[0];
    if (greeted == sizeof greeting) tell(READY, 0, 0);
  }
  while (input_held - at >= HEADER) {
    const u8 *header = input + at;
    u32 bytes = read_u32(header + 4);
    if (bytes > PIECE) leave(2);
    if (input_held - at < HEADER + bytes) break;
    obey(header[0], header[2] | header[3] << 8, header + HEADER, bytes);
    at += HEADER + bytes;
  }
  copy(input, input + at, input_held - at);
  input_held -= at;
}

__attribute__((noreturn, used)) void relay(void) {
  for (;;) {
    polls[SLOTS] = (struct poll){0, POLLIN, 0};
    for (u32 at = 0; at < SLOTS; at++) {
      struct slot *slot = &slots[at];
      short events = 0;
      if (slot->is_used && slot->is_connecting) events = POLLOUT;
      else if (slot->is_used) {
        if (!slot->has_told_all && slot->credit > 0) events |= POLLIN;
        if (slot->held > 0) events |= POLLOUT;
      }
      /* A descriptor that nothing is wanted of would wake us again and again with its hang-up. */
      polls[at] = (struct poll){events == 0 ? -1 : slot->fd, events, 0};
    }
    if (call(SYS_ppoll, (long)polls, SLOTS + 1, 0, 0, 0, 0) < 0) continue;
    for (u32 at = 0; at < SLOTS; at++) {
      if (polls[at].happened == 0) continue;
      if (slots[at].is_connecting) connected(at);
      else {
        if (slots[at].held > 0) flush(at);
        if (slots[at].is_used && (polls[at].events & POLLIN) && (polls[at].happened & ~POLLOUT)) take(at);
      }
    }
    if (polls[SLOTS].happened != 0) listen_to_stdin();
  }
}
