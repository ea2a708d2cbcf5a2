package clock

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Of linux/timex.h: the state of a clock that is not synchronised, the flag
// that says so, and the mode that reads without changing anything.
const (
	timeError = 5
	staUnsync = 0x0040
)

// ReadKernel asks adjtimex(2), which any process may, and changes nothing.
func ReadKernel() (Kernel, error) {
	var tx unix.Timex // Modes zero: read only
	state, err := unix.Adjtimex(&tx)
	if err != nil {
		return Kernel{}, fmt.Errorf("read the kernel clock: %w", err)
	}
	return Kernel{
		Synchronised: state != timeError && tx.Status&staUnsync == 0,
		MaxError:     time.Duration(tx.Maxerror) * time.Microsecond,
	}, nil
}
