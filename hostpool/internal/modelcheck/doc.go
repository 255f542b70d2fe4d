// Package modelcheck tests what package hostpool promises, under many orders of
// events. Servers that share a store call their pools, lose responses, time out and
// crash between any two steps. Meanwhile hosts start and end their meetings, and
// the service reports the end of a meeting once, twice, late or never.
//
// The clock is fake, and one goroutine runs at a time, in an order that depends on
// a seed. So a failed run can be repeated:
//
//	go test ./hostpool/internal/modelcheck -model.seed 42 -model.runs 1
package modelcheck
