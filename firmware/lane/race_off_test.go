//go:build !race

package lane_test

const slow = false
