package reference

// The servers of vendors, for tests.
func init() { vendors = append(vendors, comeetVendor) }
