//go:build race

package controller_test

// cutStep under the race detector, which has nothing to find there: nothing runs
// beside anything else.
const cutStep = 61
