package embedded_test

import (
	"log/slog"
	"testing"

	"github.com/con-ting/conting/central/queue"
	"github.com/con-ting/conting/central/queue/embedded"
	"github.com/con-ting/conting/central/queue/queuetest"
)

func TestEngine(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) queuetest.Subject {
		t.Helper()
		folder := t.TempDir()
		return queuetest.Subject{Open: func(t *testing.T) queue.Engine {
			t.Helper()
			e, err := embedded.New(t.Context(), embedded.Config{Folder: folder, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}}
	})
}
