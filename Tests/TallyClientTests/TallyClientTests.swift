// The Swift client against a server in this process.
