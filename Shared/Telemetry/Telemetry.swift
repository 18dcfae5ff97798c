import ArgumentParser
import Configuration
import Hummingbird
import Logging
import Metrics
import ServiceLifecycle
