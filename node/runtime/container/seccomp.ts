/**
 * What a job may ask of the kernel, as a seccomp profile in the form that Docker and Podman read. One list for both:
 * Podman's own lets a process without any capability make user namespaces, the way in of many kernel exploits. The names
 * are those of Linux (`unistd.h` of x86-64 and of the generic table); left out is all that loads code into the kernel,
 * mounts, makes or enters namespaces, traces, reads other processes, sets clocks or names, and io_uring. What is not
 * listed fails with EPERM; `clone3` with ENOSYS, since its flags lie in memory where no filter sees them, and C libraries
 * then use `clone`, whose namespace flags are checked here.
 */
const ALLOWED = `
  accept accept4 access alarm arch_prctl bind brk capget capset chdir chmod chown clock_getres
  clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 close
  close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait
  epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64
  fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchown fchownat fcntl fcntl64 fdatasync
  fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat fstatat64 fstatfs fstatfs64
  fsync ftruncate ftruncate64 futex futex_time64 futex_waitv futimesat get_robust_list get_thread_area
  getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp
  getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname
  getsockopt gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1
  inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit
  ioctl ioprio_get ioprio_set kill lchown lgetxattr link linkat listen listxattr llistxattr llseek
  lremovexattr lseek lsetxattr lstat lstat64 madvise membarrier memfd_create mincore mkdir mkdirat mlock
  mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive
  mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap msgctl msgget msgrcv msgsnd
  msync munlock munlockall munmap nanosleep newfstatat open openat openat2 pause pidfd_open
  pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64
  preadv preadv2 prlimit64 pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink
  readlinkat readv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr rename renameat
  renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
  rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
  sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
  sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
  sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop
  semtimedop_time64 sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area
  set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid setpriority setregid setresgid
  setresuid setreuid setrlimit setsid setsockopt setuid setxattr shmat shmctl shmdt shmget shutdown
  sigaltstack signalfd signalfd4 socketpair splice stat stat64 statfs statfs64 statx symlink symlinkat
  sync sync_file_range sync_file_range2 syncfs sysinfo tee tgkill time timer_create timer_delete
  timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
  timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64
  umask uname unlink unlinkat utime utimensat utimensat_time64 utimes vfork wait4 waitid write writev
`
  .trim()
  .split(/\s+/)

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET (`linux/sched.h`). */
const NAMESPACE_FLAGS = 0x7e020000
const EPERM = 1
const ENOSYS = 38
const PERSONALITIES = [0x0, 0x0008, 0x20000, 0x20008, 0xffffffff]
/** AF_UNIX, AF_INET, AF_INET6: within the job's own empty network. Not AF_NETLINK, AF_ALG, AF_VSOCK and their like. */
const FAMILIES = [1, 2, 10]

const ALLOW = 'SCMP_ACT_ALLOW'

/** `{ defaultAction, defaultErrnoRet, syscalls }`, for the machine's own instruction set only. */
export function seccompProfile(): object {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    syscalls: [
      { names: ALLOWED, action: ALLOW },
      {
        names: ['clone'],
        action: ALLOW,
        args: [{ index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
      },
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
      ...PERSONALITIES.map((value) => allowedWith('personality', value)),
      ...FAMILIES.map((value) => allowedWith('socket', value)),
    ],
  }
}

function allowedWith(name: string, value: number): object {
  return { names: [name], action: ALLOW, args: [{ index: 0, value, valueTwo: 0, op: 'SCMP_CMP_EQ' }] }
}
