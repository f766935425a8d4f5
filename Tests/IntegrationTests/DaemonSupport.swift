// Each test has nodes, so each file sees what starts them.
@_exported import DaemonTestSupport
