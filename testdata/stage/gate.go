package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/con-ting/conting/sync/ticket"
)

// Gate is one enrolled gate appliance with one lane.
type Gate struct {
	Name  string // of the gate in the event's rules
	Panel string // base URL of the lane display
	Feed  *Feed
	Cable *Cable

	stage   *Stage
	dir     string
	config  string
	process *Process
}

// Camera is what a gate's lane reads: frames from a URL, or texts on standard
// input where it is empty.
type Camera string

// Enrol has central make an enrolment code for the named gate of the event, and
// a new gate appliance use it over its own cable.
func (s *Stage) Enrol(ctx context.Context, event ticket.EventID, name string, camera Camera) (*Gate, error) {
	out, err := Run(ctx, s.command("central"), "enrol-code", "--config", s.config,
		"--role", "gate", "--gate", name, "--event", event.String(), "--json")
	if err != nil {
		return nil, err
	}
	var code struct {
		Text string `json:"text"`
	}
	if err := json.Unmarshal(out, &code); err != nil {
		return nil, fmt.Errorf("enrol-code: %w", err)
	}
	broker, err := url.Parse(s.addr.MQTT)
	if err != nil {
		return nil, err
	}
	g := &Gate{Name: name, Feed: NewFeed(), stage: s, dir: filepath.Join(s.Dir, "gate-"+name)}
	if g.Cable, err = NewCable(ctx, broker.Host); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(g.dir, 0o700); err != nil {
		return nil, err
	}
	g.config = filepath.Join(g.dir, "gate.toml")
	if err := os.WriteFile(g.config, []byte(g.toml(camera)), 0o600); err != nil {
		return nil, err
	}
	_, err = Run(ctx, s.command("gate"), "enrol", "--config", g.config, code.Text)
	return g, err
}

func (g *Gate) toml(camera Camera) string {
	lane := "[lane]\nname = \"" + g.Name + "-1\"\npassage_delay = \"300ms\"\n"
	if camera == "" {
		lane += "input = \"stdin\"\n"
	} else {
		lane += "[camera]\nurl = \"" + string(camera) + "\"\n"
	}
	return fmt.Sprintf(`data_dir = %q
[panel]
listen = "127.0.0.1:0"
[clock]
uncertainty = "500ms"
[uplink]
stale_after = "6s"
[[uplink.broker]]
name = "central"
url = "tls://%s"
%s`, g.dir, g.Cable.Addr(), lane)
}

// Start starts the gate and waits until its display is up.
func (g *Gate) Start(ctx context.Context) error {
	ready := filepath.Join(g.dir, "addresses.json")
	if err := os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	p, err := Start(ctx, g.stage.Dir, "gate-"+g.Name, g.stage.command("gate"), g.Feed.Line,
		"run", "--config", g.config, "--events", "-")
	if err != nil {
		return err
	}
	g.process = p
	var addr struct {
		Panel string `json:"panel"`
	}
	if err := awaitFile(ctx, p, ready, &addr); err != nil {
		return fmt.Errorf("gate %s: %w", g.Name, err)
	}
	g.Panel = addr.Panel
	return nil
}

// Stop ends the gate.
func (g *Gate) Stop() error { return g.process.Stop() }

// Process is the running gate.
func (g *Gate) Process() *Process { return g.process }
