//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// detach keeps a browser running when the terminal closes, as it does at the end of a
// shortcut's command.
func detach(browser *exec.Cmd) { browser.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
