package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Disk checks that the data folder can take the journal, and how fast: each
// admission waits for one fsync.
type Disk struct {
	Dir string

	// Free returns the free and total bytes of the file system that holds dir.
	Free func(dir string) (free, total uint64, err error)

	// Sync writes and syncs one small block and returns how long that took.
	// Nil means [SyncOnce].
	Sync func(dir string) (time.Duration, error)
}

const (
	diskRounds = 16
	warnFree   = 512 << 20
	failFree   = 64 << 20
	warnSync   = 20 * time.Millisecond // the budget from pass to durable verdict
	failSync   = 250 * time.Millisecond
)

// Name returns "disk".
func (Disk) Name() string { return "disk" }

// Look measures free space and the latency of a durable write.
func (d Disk) Look(ctx context.Context) Finding {
	free, total, err := d.Free(d.Dir)
	if err != nil {
		return Finding{Level: Fail, Found: fmt.Sprintf("%s: %s", d.Dir, err), Advice: "create the data folder and make the gate's user its owner"}
	}
	sync := d.Sync
	if sync == nil {
		sync = SyncOnce
	}
	took := make([]time.Duration, 0, diskRounds)
	for range diskRounds {
		if ctx.Err() != nil {
			break
		}
		t, err := sync(d.Dir)
		if err != nil {
			return Finding{Level: Fail, Found: fmt.Sprintf("cannot write to %s: %s", d.Dir, err), Advice: "free some space, or remount the file system read-write after checking it"}
		}
		took = append(took, t)
	}
	if len(took) == 0 {
		return Finding{Level: Fail, Found: "no time left to measure", Advice: "run doctor again"}
	}
	slices.Sort(took)
	median, worst := took[len(took)/2], took[len(took)-1]
	f := Finding{Found: fmt.Sprintf("%s free of %s, fsync median %s worst %s", size(free), size(total), millis(median), millis(worst))}
	switch {
	case free < failFree:
		f.Level, f.Advice = Fail, "free some space: at 0 the lane stays shut with storage_fault"
	case median > failSync:
		f.Level, f.Advice = Fail, "this disk is too slow for a lane: use an SSD or a better card"
	case free < warnFree:
		f.Level, f.Advice = Warn, "free some space before the doors open"
	case median > warnSync:
		f.Level, f.Advice = Warn, "each admission waits this long: prefer an SSD or an industrial card"
	}
	return f
}

// SyncOnce writes 4 KiB to a new file in dir, syncs it, removes it, and
// returns how long write and sync took.
func SyncOnce(dir string) (took time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	start := monotonic()
	if _, err := f.Write(make([]byte, 4096)); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	return monotonic() - start, nil
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func size(n uint64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
