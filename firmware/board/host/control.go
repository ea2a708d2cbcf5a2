package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// stride is how long a person keeps each pin as it is.
const stride = 150 * time.Millisecond

// maxLine bounds a line of the control line.
const maxLine = 256

// Control obeys the lines of r and answers to w, until r ends.
func (b *Board) Control(ctx context.Context, r io.Reader, w io.Writer) error {
	var mu sync.Mutex // guards writing
	write := func(format string, args ...any) error {
		mu.Lock()
		defer mu.Unlock()
		_, err := fmt.Fprintf(w, format+"\n", args...)
		return err
	}
	var watching sync.Once
	var rest sync.WaitGroup
	changes, end := make(chan uint8, 64), make(chan struct{})
	defer rest.Wait()
	defer close(end)
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, maxLine), maxLine)
	for in.Scan() {
		words := strings.Fields(in.Text())
		if len(words) == 0 {
			continue
		}
		var err error
		if words[0] == "watch" && len(words) == 1 {
			watching.Do(func() {
				done := b.watch(changes)
				rest.Go(func() {
					defer done()
					b.tell(changes, end, write)
				})
			})
		} else {
			err = b.obey(ctx, words, write)
		}
		if err != nil {
			err = write("error %v", err)
		} else {
			err = write("ok")
		}
		if err != nil {
			return err
		}
	}
	return in.Err()
}

func (b *Board) tell(changes <-chan uint8, end <-chan struct{}, write func(string, ...any) error) {
	for {
		select {
		case now := <-changes:
			if write("outputs %s", words(b.config.Names.Outputs, uint16(now))) != nil {
				return
			}
		case <-end:
			return
		}
	}
}

var errUsage = errors.New("use set PIN 0|1, walk in|out, back in|out, get or watch")

func (b *Board) obey(ctx context.Context, words []string, write func(string, ...any) error) error {
	switch {
	case words[0] == "get" && len(words) == 1:
		return b.show(write)
	case words[0] == "set" && len(words) == 3 && (words[2] == "0" || words[2] == "1"):
		pin := slices.Index(b.config.Names.Inputs, words[1])
		if pin < 0 {
			return fmt.Errorf("no input %q: %s", words[1], strings.Join(b.config.Names.Inputs, ", "))
		}
		b.Set(pin, words[2] == "1")
		return nil
	case len(words) == 2 && (words[1] == "in" || words[1] == "out"):
		way := 0
		if words[1] == "out" {
			way = 1
		}
		switch words[0] {
		case "walk":
			return b.walk(ctx, b.config.Walk[way])
		case "back":
			return b.walk(ctx, b.config.Back[way])
		}
	}
	return errUsage
}

func (b *Board) show(write func(string, ...any) error) error {
	inputs, outputs := b.levels()
	if err := write("inputs %s", words(b.config.Names.Inputs, inputs)); err != nil {
		return err
	}
	return write("outputs %s", words(b.config.Names.Outputs, uint16(outputs)))
}

func (b *Board) walk(ctx context.Context, moves []Move) error {
	t := time.NewTicker(stride)
	defer t.Stop()
	for _, m := range moves {
		b.Set(m.Input, m.High)
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func words(names []string, levels uint16) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = fmt.Sprintf("%s=%d", name, levels>>i&1)
	}
	return strings.Join(out, " ")
}
