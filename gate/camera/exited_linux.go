package camera

import (
	"os/exec"

	"golang.org/x/sys/unix"
)

// exited reports whether a program has ended, and leaves it to be waited for.
func exited(cmd *exec.Cmd) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err != nil || info.Signo != 0
}
