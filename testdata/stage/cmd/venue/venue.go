package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/stage"
)

// venue is the stage with its entrances. Central and the registrar run from the
// start; events and gates are opened by the test that needs them.
type venue struct {
	ctx       context.Context // of the whole run: what outlives one step
	stage     *stage.Stage
	plan      string
	event     ticket.EventID // of the plan
	registrar *stage.Registrar
	blank     [][]byte // what a camera sees when nobody stands before it

	mu    sync.Mutex // guards gates
	gates map[string]*entrance
}

// entrance is one gate with the camera that looks at its visitors.
type entrance struct {
	*stage.Gate
	phone *stage.Phone
}

func open(ctx context.Context, dir, bin, plan string) (v *venue, err error) {
	v = &venue{ctx: ctx, plan: plan, gates: map[string]*entrance{}}
	defer func() {
		if err != nil {
			v.close()
		}
	}()
	if v.stage, err = stage.New(ctx, dir, bin); err != nil {
		return nil, err
	}
	v.stage.DecodeBudget = "1s" // the machine plays everybody at once
	if v.event, err = v.stage.Import(ctx, plan, time.Now(), 0); err != nil {
		return nil, err
	}
	if v.registrar, err = v.stage.OpenRegistrar(ctx, "office"); err != nil {
		return nil, err
	}
	v.blank, err = hall()
	return v, err
}

func (v *venue) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range v.gates {
		_ = e.Stop()
		e.Cable.Close()
		e.phone.Close()
	}
	if v.stage != nil {
		_ = v.stage.StopCentral()
	}
}

// another is an event that differs from the plan's in some members, and sells some
// classes more. It takes the place of the event that has its id. Zones, if there are
// any, stand in the place of the venue's: fewer seats, under the same ids.
type another struct {
	ID      ticket.EventID   `json:"id"`
	Change  map[string]any   `json:"change"`
	Zones   []map[string]any `json:"zones"`
	Classes []map[string]any `json:"classes"`
	Prices  []map[string]any `json:"prices"`
}

// importEvent puts another event on sale.
func (v *venue) importEvent(ctx context.Context, _ *http.Request, in another) (any, error) {
	raw, err := os.ReadFile(v.plan)
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	event, ok := doc["event"].(map[string]any)
	if !ok {
		return nil, errors.New("no event in the plan")
	}
	for name, value := range in.Change {
		event[name] = value
	}
	event["id"] = in.ID
	if hall, ok := doc["venue"].(map[string]any); ok && len(in.Zones) > 0 {
		hall["zones"] = in.Zones
	}
	for name, more := range map[string][]map[string]any{"classes": in.Classes, "prices": in.Prices} {
		all, _ := event[name].([]any)
		for _, one := range more {
			all = append(all, one)
		}
		event[name] = all
	}
	if raw, err = json.Marshal(doc); err != nil {
		return nil, err
	}
	file := filepath.Join(v.stage.Dir, "event-"+in.ID.String()+".json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return nil, err
	}
	_, err = v.stage.Import(ctx, file, time.Now(), 0)
	return none{}, err
}

// post is a gate to be opened.
type post struct {
	Key     string         `json:"key"`  // what the test calls it
	Gate    string         `json:"gate"` // its name in the plan
	Event   ticket.EventID `json:"event"`
	Steward bool           `json:"steward"` // who stands at its lane
}

// openGate enrols a gate, starts it, and tells where its lane's display is. What it
// starts outlives the step.
//
//nolint:contextcheck
func (v *venue) openGate(_ context.Context, _ *http.Request, in post) (any, error) {
	if _, err := v.entrance(in.Key); err == nil {
		return nil, fmt.Errorf("gate %q is open", in.Key)
	}
	e := &entrance{}
	var err error
	if e.phone, err = stage.NewPhone(v.ctx, v.blank); err != nil {
		return nil, err
	}
	if e.Gate, err = v.stage.Enrol(v.ctx, in.Event, in.Gate, stage.Camera(e.phone.URL)); err != nil {
		return nil, err
	}
	if in.Steward {
		if err := e.Steward(); err != nil {
			return nil, err
		}
	}
	if err := e.Start(v.ctx); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gates[in.Key] = e
	return map[string]string{"panel": e.Panel}, nil
}
