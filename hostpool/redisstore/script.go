package redisstore

import (
	_ "embed" // for the scripts

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed take.lua
	takeSource string
	//go:embed renew.lua
	renewSource string
	//go:embed release.lua
	releaseSource string
)

// The scripts keep the leases in a hash. It maps an email address to "expires id",
// with the time in microseconds since 1970 in 16 digits, so that the order of
// leases is that of their times until 2286, and "\n" and an ID to the number of
// leases that the ID has: a Take can tell from one field that its ID is new.
var (
	takeScript    = redis.NewScript(takeSource)
	renewScript   = redis.NewScript(renewSource)
	releaseScript = redis.NewScript(releaseSource)
)
