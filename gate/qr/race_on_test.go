//go:build race

package qr_test

// racing says that the race detector slows everything down.
const racing = true
