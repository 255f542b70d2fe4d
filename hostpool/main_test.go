package hostpool_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if any test leaves a goroutine, and with it a connection,
// behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
