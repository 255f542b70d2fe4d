// Package stores tests the stores of package hostpool against real servers. It is
// a module of its own so that users of the library do not depend on database
// drivers.
package stores
