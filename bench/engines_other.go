//go:build !linux

package main

// engines is empty because package servers works on Linux alone.
var engines []engine
