// Package queue is the waiting room in front of a sale.
package queue
