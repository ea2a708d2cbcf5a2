package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/con-ting/conting/central/surge"
)

// plainEvery is how often a log, which cannot be written over, hears.
const plainEvery = 5 * time.Second

// progress shows how far a surge is: as a bar on a terminal, as lines elsewhere. Its methods are called
// by one goroutine at a time.
type progress struct {
	w     io.Writer
	width int // of the terminal; 0 if it is none
	drawn int // lines that stand there now
	last  surge.Snapshot
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w}
	if f, ok := w.(*os.File); ok {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil {
			p.width = max(int(size.Col), 20)
		}
	}
	return p
}

func (p *progress) observe(s surge.Snapshot) {
	if p.width == 0 {
		if s.Elapsed-p.last.Elapsed >= plainEvery {
			p.print(strings.Join(s.Bar(p.last, 0), "\n") + "\n")
			p.last = s
		}
		return
	}
	lines := s.Bar(p.last, p.width-1)
	p.clear()
	p.print(strings.Join(lines, "\n") + "\n")
	p.drawn = len(lines)
	if s.Elapsed-p.last.Elapsed >= time.Second {
		p.last = s
	}
}

// clear takes away what stands there.
func (p *progress) clear() {
	if p.drawn > 0 {
		p.print(fmt.Sprintf("\x1b[%dA\x1b[J", p.drawn))
		p.drawn = 0
	}
}

// end takes the bar away; another surge may follow.
func (p *progress) end() {
	p.clear()
	p.last = surge.Snapshot{}
}

// print writes; that nobody sees it is no reason to stop.
func (p *progress) print(text string) { _, _ = io.WriteString(p.w, text) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
