//go:build race

package qr

// Racing says that the race detector slows everything down.
const Racing = true
