//go:build !linux

package servers

type local struct{}

func (local) Start() error { return errNotInstalled }
func (local) Stop() error  { return errNotInstalled }
func (local) Kill() error  { return errNotInstalled }

func postgres(string, []string) (*Server, error)  { return nil, errNotInstalled }
func mariaDB(string, []string) (*Server, error)   { return nil, errNotInstalled }
func redis(string, []string) (*Server, error)     { return nil, errNotInstalled }
func pgBouncer(string, []string) (*Server, error) { return nil, errNotInstalled }
