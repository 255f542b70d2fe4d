package iomeeting_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a test leaks a goroutine. Every open connection has one.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
