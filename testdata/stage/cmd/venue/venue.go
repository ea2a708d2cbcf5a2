package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/con-ting/conting/sync/ticket"
	"github.com/con-ting/conting/testdata/stage"
)

// venue is the stage with its entrances.
type venue struct {
	ctx   context.Context // of the whole run: what outlives one step
	stage *stage.Stage
	event ticket.EventID

	// strict is an event whose gates make everybody answer their nonce.
	strict ticket.EventID

	registrar *stage.Registrar
	gates     map[string]*entrance
}

// entrance is one gate with the camera that looks at its visitors.
type entrance struct {
	*stage.Gate
	phone *stage.Phone
}

func open(ctx context.Context, dir, bin, plan string) (v *venue, err error) {
	v = &venue{ctx: ctx, gates: map[string]*entrance{}}
	defer func() {
		if err != nil {
			v.close()
		}
	}()
	if v.stage, err = stage.New(ctx, dir, bin); err != nil {
		return nil, err
	}
	if v.event, err = v.stage.Import(ctx, plan, time.Now(), 0); err != nil {
		return nil, err
	}
	if v.strict, err = v.importStrict(ctx, dir, plan); err != nil {
		return nil, err
	}
	if v.registrar, err = v.stage.OpenRegistrar(ctx, "office"); err != nil {
		return nil, err
	}
	blank, err := hall()
	if err != nil {
		return nil, err
	}
	for _, g := range []struct {
		key, gate string
		event     ticket.EventID
	}{{"north", "north", v.event}, {"south", "south", v.event}, {"strict", "north", v.strict}} {
		e := &entrance{}
		if e.phone, err = stage.NewPhone(ctx, blank); err != nil {
			return nil, err
		}
		if e.Gate, err = v.stage.Enrol(ctx, g.event, g.gate, stage.Camera(e.phone.URL)); err != nil {
			return nil, err
		}
		if err = e.Start(ctx); err != nil {
			return nil, err
		}
		v.gates[g.key] = e
	}
	return v, nil
}

func (v *venue) close() {
	for _, e := range v.gates {
		_ = e.Stop()
		e.Cable.Close()
		e.phone.Close()
	}
	if v.stage != nil {
		_ = v.stage.StopCentral()
	}
}

// importStrict puts a second event on sale that differs from the plan in asking
// every holder for the gate's own nonce.
func (v *venue) importStrict(ctx context.Context, dir, plan string) (ticket.EventID, error) {
	raw, err := os.ReadFile(plan)
	if err != nil {
		return 0, err
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return 0, err
	}
	event, ok := doc["event"].(map[string]any)
	if !ok {
		return 0, errors.New("no event in the plan")
	}
	event["id"], event["always_challenge"] = uint32(v.event)+1, true
	if raw, err = json.Marshal(doc); err != nil {
		return 0, err
	}
	file := filepath.Join(dir, "strict.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return 0, err
	}
	return v.stage.Import(ctx, file, time.Now(), 0)
}
