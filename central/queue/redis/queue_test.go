package redis_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/servers"
)

// rooms is the SQL store of a test's centrals.
type rooms struct {
	*marks
	mu   sync.Mutex // guards those below
	room queue.Room
	list []queue.Key
}

func (s *rooms) Reserve(context.Context, ticket.EventID, uint32) (uint32, error) {
	return 0, errors.New("this engine does not raise the mark")
}

func (s *rooms) Rooms(context.Context) ([]queue.Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room.Event == 0 {
		return nil, nil
	}
	return []queue.Room{s.room}, nil
}

func (s *rooms) Put(_ context.Context, r queue.Room) (queue.Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room.Event == 0 {
		s.room = r
	}
	s.room.Settings = r.Settings
	return s.room, nil
}

func (s *rooms) Seal(_ context.Context, r queue.Room, list []queue.Key) (queue.Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room.Sealed.IsZero() {
		s.room.Sealed, s.room.People, s.room.List, s.list = r.Sealed, r.People, r.List, list
	}
	return s.room, nil
}

func (s *rooms) Open(_ context.Context, r queue.Room) (queue.Room, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room.Opened.IsZero() {
		s.room.Opened, s.room.Beacon = r.Opened, r.Beacon
	}
	return s.room, nil
}

func (s *rooms) Entries(_ context.Context, _ ticket.EventID, after, limit int) ([]queue.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[min(after, len(s.list)):min(after+limit, len(s.list))], nil
}

// Two centrals share a sale; Redis goes and comes back having lost everything.
// Meanwhile everybody can ask for their place and nobody can enter; afterwards
// nobody's place is worse, and the line moves.
func TestCentralsOutliveRedis(t *testing.T) {
	t.Parallel()
	s := servers.Redis(t)
	cfg := configure(s.URL())
	store := &rooms{marks: newMarks()}
	cfg.Ranges = store
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	var wg sync.WaitGroup
	centrals := make([]*queue.Queue, 2)
	for i := range centrals {
		q, err := queue.New(ctx, queue.Config{
			Store: store, Engine: open(t, cfg), Secret: [32]byte{1}, Leader: func() bool { return i == 0 },
			Tick: 20 * time.Millisecond, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { _ = q.Run(ctx) })
		t.Cleanup(func() {
			cancel()
			wg.Wait()
			q.Close()
		})
		centrals[i] = q
	}
	set := queue.DefaultSettings()
	set.Opens, set.Rate = time.Now().Add(-time.Minute), 60
	if _, err := centrals[0].Put(ctx, event, set); err != nil {
		t.Fatal(err)
	}
	for _, q := range centrals {
		eventually(t, "the room opens", func() error {
			if i, err := q.Info(event); err != nil || !i.Open {
				return fmt.Errorf("not open: %w", queue.ErrUnavailable)
			}
			return nil
		})
	}
	tokens, positions := make([]string, 40), make([]uint32, 40)
	enter := func(q *queue.Queue, i int) error {
		place, _, err := q.Enter(ctx, queue.Request{Event: event, Account: fmt.Sprintf("%032x", i+1), Token: tokens[i]})
		if err == nil {
			if tokens[i] != "" && place.Position > positions[i] {
				t.Errorf("person %d was at %d and is at %d", i, positions[i], place.Position)
			}
			tokens[i], positions[i] = place.Token.String(), place.Position
		}
		return err
	}
	for i := range 30 {
		eventually(t, "Enter", func() error { return enter(centrals[i%2], i) })
	}
	poll := func() {
		t.Helper()
		for i, token := range tokens[:30] {
			place, err := centrals[(i+1)%2].Poll(event, token)
			if err != nil || place.Position > positions[i] {
				t.Fatalf("person %d was at %d: at %d now, %v", i, positions[i], place.Position, err)
			}
			positions[i] = place.Position
		}
	}
	poll()
	s.Kill()
	for i, q := range centrals {
		if err := enter(q, 30+i); !errors.Is(err, queue.ErrUnavailable) {
			t.Fatalf("Enter without Redis: %v, want ErrUnavailable", err)
		}
	}
	poll()
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range tokens {
		eventually(t, "Enter", func() error { return enter(centrals[i%2], i) })
	}
	for i, n := range positions[30:] {
		if n <= positions[29] {
			t.Errorf("person %d is before those who came first", 30+i)
		}
	}
	at := positions[29]
	eventually(t, "the line moves", func() error {
		poll()
		if positions[29] == at {
			return queue.ErrUnavailable
		}
		return nil
	})
}
