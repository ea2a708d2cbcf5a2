package doctor

import "context"

// Engine checks that the scan engine of a gate that does not run is there and can
// be opened.
type Engine struct {
	Device string // as the configuration names it

	// Try opens the engine and closes it again.
	Try func(ctx context.Context) error
}

// Name returns "engine".
func (Engine) Name() string { return "engine" }

// Look tries to open it. Whether it reads shows only when somebody holds up a
// code.
func (e Engine) Look(ctx context.Context) Finding {
	if err := e.Try(ctx); err != nil {
		return Finding{Level: Fail, Found: err.Error(), Advice: adviceOf(err, "check its plug and [engine] device in the config")}
	}
	return Finding{Found: e.Device + " is there and can be opened; run the gate and hold up a code to see it read"}
}
