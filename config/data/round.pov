// A scene for config/examples/animation.yaml: the camera goes once round three spheres while the clock runs from 1 to 24.
#version 3.7;
global_settings { assumed_gamma 1 }
camera { location vrotate(<0, 2.2, -5>, <0, clock * 360 / 24, 0>) look_at <0, 0.8, 0> right x * 4 / 3 }
light_source { <4, 6, -6> rgb 1 }
light_source { <-5, 3, 3> rgb <0.3, 0.3, 0.4> shadowless }
plane { y, 0 pigment { checker rgb 0.9, rgb 0.2 } finish { reflection 0.1 } }
sphere { <0, 1, 0>, 1 pigment { rgb <0.2, 0.4, 0.9> } finish { reflection 0.3 phong 1 } }
sphere { <-1.7, 0.6, -0.6>, 0.6 pigment { rgb <0.9, 0.3, 0.2> } finish { phong 0.8 } }
sphere { <1.6, 0.5, -0.9>, 0.5 pigment { rgb <0.3, 0.8, 0.3> } finish { phong 0.8 } }
sky_sphere { pigment { gradient y color_map { [0 rgb <0.7, 0.8, 1>] [1 rgb <0.1, 0.2, 0.5>] } } }
