//go:build !unix

package cli

import (
	"os"
	"time"
)

// Without locks of the standard library the holder touches the file now and then; one that was
// not touched for longer is of a run that was killed.
const (
	leaseTouched = 5 * time.Second
	leaseStale   = 30 * time.Second
)

func lockLease(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) < leaseStale {
		return nil, errLeased
	}
	_ = os.Remove(path) // where that fails, making it does too
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	go func() {
		for range time.Tick(leaseTouched) {
			now := time.Now()
			if os.Chtimes(path, now, now) != nil {
				return // it was given back
			}
		}
	}()
	return f, nil
}

func unlockLease(f *os.File) {
	f.Close()
	_ = os.Remove(f.Name()) // else it is stale soon
}
