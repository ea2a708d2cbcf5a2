//go:build unix

package camera

import (
	"os/exec"
	"syscall"
)

// group gives a program a process group of its own, so that what it starts ends with it.
func group(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// terminate asks the group to end. The program must not have been waited for: its number keeps the
// group's from being given to others.
func terminate(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

// kill ends the group. As with terminate, the program must not have been waited for.
func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
