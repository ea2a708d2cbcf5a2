//go:build js

package qr

const hasStock = false

// stock is nothing in a browser.
type stock struct{}

func (*stock) look(*eye, *view, way, *clock) {}
