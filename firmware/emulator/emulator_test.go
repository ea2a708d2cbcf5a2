package emulator_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/firmware/emulator"
	"github.com/con-ting/conting/firmware/emulator/rig"
)

// built is the image under test, made once from these sources.
var built struct {
	once  sync.Once
	image string
	err   error
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "controller")
	if err != nil {
		os.Exit(1)
	}
	built.image = filepath.Join(dir, "controller.elf")
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// image returns the image, and skips the test where it cannot be run.
func image(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("boots an emulator")
	}
	built.once.Do(func() {
		if built.err = emulator.Available(); built.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		built.err = emulator.Build(ctx, filepath.Join("..", ".."), built.image)
	})
	if errors.Is(built.err, emulator.ErrMissing) {
		t.Skipf("SKIPPED: the firmware is not tested in the emulator: %v", built.err)
	}
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.image
}

// within is the time that anything may take here.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// open boots a lane; its panel is not attached.
func open(t *testing.T, change ...func(*emulator.Config)) *rig.Lane {
	t.Helper()
	elf := image(t)
	l, err := rig.Open(within(t), elf, t.TempDir(), change...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// ready boots a lane whose panel is secured.
func ready(t *testing.T, change ...func(*emulator.Config)) *rig.Lane {
	t.Helper()
	l := open(t, change...)
	if err := l.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
