//go:build !race

package controller_test

// cutStep is between the bytes at which TestPowerCut cuts the power.
const cutStep = 1
