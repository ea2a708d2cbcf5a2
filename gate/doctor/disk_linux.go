package doctor

import (
	"time"

	"golang.org/x/sys/unix"
)

// Free returns the bytes that this user may still write to the file system
// that holds dir, and its size.
func Free(dir string) (free, total uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	block := uint64(st.Bsize) //nolint:gosec // a block size is positive
	return st.Bavail * block, st.Blocks * block, nil
}

// monotonic reads the kernel's monotonic clock, for measuring only.
func monotonic() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
