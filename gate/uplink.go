package main

import (
	"context"
	"time"

	"github.com/con-ting/conting/gate/admit"
	"github.com/con-ting/conting/gate/panel"
)

// uplinkRoom is the way to the world.
type uplinkRoom struct{}

func (g *appliance) buildUplink(context.Context) error { return nil }
func (g *appliance) flush(context.Context)             {}

func (u *uplinkRoom) Run(context.Context) error       { return nil }
func (u *uplinkRoom) Wake()                           {}
func (u *uplinkRoom) Close() error                    { return nil }
func (u *uplinkRoom) mode() admit.Mode                { return admit.ModeAlone }
func (u *uplinkRoom) stale(time.Time) bool            { return false }
func (u *uplinkRoom) status(*panel.Status, time.Time) {}
func (u *uplinkRoom) describe(*event, time.Time)      {}
