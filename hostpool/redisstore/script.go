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

// The scripts keep the leases in a hash with two kinds of fields. An email address
// maps to "expires id"; expires is in microseconds since 1970, in 16 digits, so
// leases sort by time until 2286. "\n" and an ID map to the number of leases with
// that ID, so Take needs only one field to see that its ID is new.
var (
	takeScript    = redis.NewScript(takeSource)
	renewScript   = redis.NewScript(renewSource)
	releaseScript = redis.NewScript(releaseSource)
)
